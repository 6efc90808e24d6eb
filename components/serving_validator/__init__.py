"""The component that asks an exported model before it is published."""
