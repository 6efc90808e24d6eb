"""What tables and features are configured with, validated as one set."""
