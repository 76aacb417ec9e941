"""What units run and are reached by: systems with their names, address ranges, providers' lines; and the dated lists of them."""
