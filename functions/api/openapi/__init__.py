"""The API's description by OpenAPI, and the page that shows it; loaded when it is first asked for."""
