"""Official documents as editable DOCX. The layout is ours, after Decree 30/2020; official forms were not obtained."""
