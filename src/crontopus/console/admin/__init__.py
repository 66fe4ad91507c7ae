"""The dashboard of those who run the installation: a module for each of its pages."""
