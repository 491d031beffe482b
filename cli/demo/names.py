"""Invented artists and the words their titles are made of, in several scripts."""

from __future__ import annotations

import itertools
import random
import uuid
from dataclasses import dataclass

_NAMESPACE = uuid.UUID("6e656564-6c65-4d65-8d6f-000000000001")


@dataclass(frozen=True, slots=True)
class Voice:
    """A language, with artists that sing in it."""

    artists: tuple[str, ...]
    genres: tuple[str, ...]
    first_words: tuple[str, ...]
    second_words: tuple[str, ...]
    joint: str = " "

    def titles(self, rng: random.Random, count: int) -> list[str]:
        """Different titles of two words, at most 30."""
        words = itertools.product(self.first_words, self.second_words)
        return [self.joint.join(pair) for pair in rng.sample(list(words), count)]

    def id_of(self, artist: str) -> str:
        """An id in the form of MusicBrainz', always the same for a name."""
        return str(uuid.uuid5(_NAMESPACE, artist))


VOICES = (
    Voice(
        ("The Paper Boats", "Marla Quill", "Copper Lanterns", "North of Nowhere", "Eddie Farrow"),
        ("Indie Rock", "Folk", "Alternative", "Pop"),
        ("Quiet", "Broken", "Golden", "Last", "Slow", "Hollow", "Bright", "Second", "Wild"),
        ("Harbour", "Summer", "Signals", "Letters", "Horses", "Mirrors", "Avenue", "Rain"),
    ),
    Voice(
        ("Éloïse Aubépine", "Les Ombres Légères", "Théo Grenier", "Fanfare du Canal Été"),
        ("Chanson", "Électro", "Jazz"),
        ("Forêt", "Rêve", "Nuit", "Cœur", "Fenêtre", "Été", "Île", "Théâtre", "Fête"),
        ("oubliée", "d'hiver", "à l'aube", "sans retour", "légère", "de février", "brûlée"),
    ),
    Voice(
        ("青い灯台", "星野ミナト", "夜行バス楽団", "小さな工場"),
        ("J-Pop", "シティポップ", "Ambient"),
        ("夏の", "遠い", "透明な", "真夜中の", "忘れた", "雨の", "最後の"),
        ("手紙", "海岸線", "約束", "自転車", "窓", "電車", "灯り", "花火"),
        joint="",
    ),
    Voice(
        ("Μαρίνα Αλεξίου", "Το Παλιό Λιμάνι", "Οι Φάροι"),
        ("Λαϊκά", "Ρεμπέτικο", "Folk"),
        ("Μικρό", "Ασημένιο", "Τελευταίο", "Χαμένο", "Γαλάζιο"),
        ("καλοκαίρι", "τραγούδι", "φεγγάρι", "ταξίδι", "κύμα", "λιμάνι"),
    ),
    Voice(
        ("ليلى المرجان", "فرقة الميناء القديم", "سامي الياسمين"),
        ("طرب", "World", "Fusion"),
        ("ليلة", "أغنية", "حكاية", "رسالة", "طريق"),
        ("البحر", "القمر", "المطر", "الياسمين", "الصحراء", "المدينة"),
    ),
    Voice(
        ("Тихий Причал", "Анна Ветрова", "Оркестр Снег"),
        ("Рок", "Авторская песня", "Electronic"),
        ("Зимний", "Последний", "Далёкий", "Ночной", "Белый"),
        ("поезд", "берег", "город", "ветер", "сон", "фонарь"),
    ),
    Voice(
        ("Kvartett Åsa Björk", "Jürgen Möwe", "Señora Ñandú", "Çelik Köprü"),
        ("Jazz", "Classical", "Tango"),
        ("Größe", "Blå", "Mañana", "Gökyüzü", "Über", "Niño", "Müde"),
        ("Straße", "fjärd", "perdida", "şarkısı", "Nächte", "del río", "älv"),
    ),
    Voice(
        ("달빛 정거장", "김하늘", "바다의 편지"),
        ("K-Indie", "Ballad"),
        ("푸른", "조용한", "마지막", "느린", "작은"),
        ("바다", "여름", "편지", "골목", "노래", "우산"),
    ),
)
