"""Charts of reports: drawn by matplotlib, coloured by the page."""
