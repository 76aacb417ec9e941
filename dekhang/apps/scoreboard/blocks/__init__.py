"""Units compared with their equals only: departments with departments, districts with districts, communes with communes."""
