"""Alerts: what is measured, which rules watch it, what fires, and who is told."""
