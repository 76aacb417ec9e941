"""From frozen inputs to bytes: `build` gives a `Paper`, `render` the files of it. Same inputs, same version → same bytes.

The words of papers are written down here once and never translated: they are official Vietnamese, and a word that
changed with a catalogue would change the bytes of what was archived. Whoever changes a word, a number or the look of a
template gives it a new version and keeps the old one as long as its bytes must be made again.
"""
