"""HTTP, sockets and the page: commands in, live state out."""
