"""Which names are audio, and which of mutagen's types reads them.

The table decides what a walk calls audio.  `reader` None: a format whose tags nothing here
can read; such a file is found, and its outcome is `unsupported`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One format of audio file."""

    key: str  #: as people name it, the value of `Audio.format`
    codec: str  #: what is usually inside, where the file itself does not say
    reader: str | None  #: the class of mutagen to try first
    extensions: tuple[bytes, ...]  #: lower case, without the dot


FORMATS = (
    Format("mp3", "mp3", "MP3", (b"mp3", b"mpg3", b"mpga", b"mpa")),
    Format("mp2", "mp2", "MP3", (b"mp2", b"m2a")),
    Format("flac", "flac", "FLAC", (b"flac", b"fla")),
    Format("ogg", "vorbis", "OggVorbis", (b"ogg", b"oga", b"ogx")),
    Format("opus", "opus", "OggOpus", (b"opus",)),
    Format("ogg", "flac", "OggFLAC", (b"oggflac",)),
    Format("ogg", "speex", "OggSpeex", (b"spx",)),
    Format("ogg", "theora", "OggTheora", (b"oggtheora", b"ogv")),
    Format("m4a", "aac", "MP4", (b"m4a", b"m4b", b"m4p", b"m4r", b"m4v", b"mp4", b"aax")),
    Format("m4a", "aac", "MP4", (b"3g2", b"3gp", b"3gpp", b"alac")),
    Format("wav", "pcm", "WAVE", (b"wav", b"wave", b"bwf")),
    Format("aiff", "pcm", "AIFF", (b"aif", b"aiff", b"aifc")),
    Format("wma", "wma", "ASF", (b"wma", b"asf", b"wmv")),
    Format("wavpack", "wavpack", "WavPack", (b"wv",)),
    Format("ape", "ape", "MonkeysAudio", (b"ape", b"mac")),
    Format("musepack", "musepack", "Musepack", (b"mpc", b"mp+", b"mpp")),
    Format("tta", "tta", "TrueAudio", (b"tta",)),
    Format("optimfrog", "optimfrog", "OptimFROG", (b"ofr", b"ofs")),
    Format("tak", "tak", "TAK", (b"tak",)),
    Format("dsf", "dsd", "DSF", (b"dsf",)),
    Format("dff", "dsd", "DSDIFF", (b"dff",)),
    Format("aac", "aac", "AAC", (b"aac", b"adts", b"adif")),
    Format("ac3", "ac3", "AC3", (b"ac3",)),
    Format("eac3", "eac3", "AC3", (b"eac3", b"ec3")),
    Format("midi", "midi", "SMF", (b"mid", b"midi", b"kar", b"smf")),
    # Found, and reported as unsupported: mutagen has no reader for these.
    Format("matroska", "", None, (b"mka", b"mkv", b"mk3d", b"webm", b"weba")),
    Format("wave64", "pcm", None, (b"w64", b"rf64")),
    Format("caf", "", None, (b"caf",)),
    Format("au", "pcm", None, (b"au", b"snd")),
    Format("voc", "pcm", None, (b"voc",)),
    Format("shorten", "shorten", None, (b"shn",)),
    Format("mp1", "mp1", None, (b"mp1",)),
    Format("dts", "dts", None, (b"dts", b"dtshd")),
    Format("dolby", "", None, (b"mlp", b"thd", b"ac4")),
    Format("amr", "amr", None, (b"amr", b"awb")),
    Format("gsm", "gsm", None, (b"gsm",)),
    Format("real", "", None, (b"ra", b"ram", b"rm")),
    Format("atrac", "atrac", None, (b"oma", b"aa3", b"at3", b"omg")),
    Format("vqf", "twinvq", None, (b"vqf",)),
    Format("audible", "", None, (b"aa",)),
    Format("tracker", "", None, (b"mod", b"xm", b"it", b"s3m", b"mtm", b"umx", b"mo3")),
    Format("chiptune", "", None, (b"sid", b"nsf", b"spc", b"vgm", b"vgz", b"gbs", b"ym")),
)

#: Extension (lower case, no dot) to format.
BY_EXTENSION: dict[bytes, Format] = {
    extension: form for form in FORMATS for extension in form.extensions
}

#: mutagen's type to the format it is first of all for.
BY_READER: dict[str, Format] = {form.reader: form for form in reversed(FORMATS) if form.reader}


def extension_of(path: bytes) -> bytes:
    """What follows the last dot of the last part of `path`, in lower case; b"" without one."""
    name = path[path.rfind(b"/") + 1 :]
    dot = name.rfind(b".")
    return name[dot + 1 :].lower() if dot > 0 else b""


def format_of(path: bytes) -> Format | None:
    """The format that the name of `path` promises; None when it is no audio file."""
    return BY_EXTENSION.get(extension_of(path))
