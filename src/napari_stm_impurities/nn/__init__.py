"""Parts of networks and of their files that every network shares."""
