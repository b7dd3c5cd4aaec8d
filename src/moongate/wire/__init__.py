"""Bytes to values and back, without IO: no clock, no sockets, no event loop."""
