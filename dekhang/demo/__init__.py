"""The demo province: Tây Ninh from 10 December 2019 on, its traffic going through the real receivers."""
