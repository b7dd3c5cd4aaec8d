"""The door to the network: thin drivers of the generators in `moongate.wire`, one blocking, one for asyncio."""
