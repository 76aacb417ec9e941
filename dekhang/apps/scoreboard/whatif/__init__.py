"""What if these units had proven these duties? Computed for the page and forgotten: nothing is stored."""
