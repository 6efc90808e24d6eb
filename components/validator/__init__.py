"""The component that says whether an exported model may be published."""
