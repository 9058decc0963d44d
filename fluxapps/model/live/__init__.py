"""What objects are like in a cluster: read as plain data here, fetched elsewhere."""
