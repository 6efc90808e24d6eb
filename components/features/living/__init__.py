"""Vocabularies that live from span to span: tokens come, stay in their rows, and go."""
