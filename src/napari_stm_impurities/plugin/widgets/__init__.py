"""Parts that the panels share: forms, pickers, jobs in a thread."""
