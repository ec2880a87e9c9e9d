"""Models that a name can mean before anything is loaded: from the package index, as chats, on a device."""
