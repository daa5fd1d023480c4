"""The widgets of the plugin, one module each."""
