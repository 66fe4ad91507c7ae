"""What those who run the installation see and do: a module for each noun."""
