"""The facade: settings, guard, catalog and transport behind a few methods, blocking and for asyncio."""
