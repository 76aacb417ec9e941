"""People from a directory (LDAP): asked on a schedule, then shown, applied and undone exactly as a workbook is."""
