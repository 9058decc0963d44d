"""The verbs and their options; what one does is in the module of its name beside this package."""
