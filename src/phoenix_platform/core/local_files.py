"""Where the parts of Phoenix find each other on one machine: names only, nothing here looks at a disk.

The server puts its key and its address there, the command line takes them.
"""

from typing import Final

PLATFORM_FOLDER: Final = "phoenix-platform"
"""Below the user's folders for data, caches and configuration."""
SERVER_FOLDER: Final = "server"
"""The server's own folder in the data directory."""
LOCAL_KEY_FILE: Final = "admin.key"
"""In the server's folder, while only this machine gets in; holds one API key and a line feed."""
LOCAL_ADDRESS_FILE: Final = "address"
"""In the server's folder; holds the URL that the server listens on, and a line feed."""
