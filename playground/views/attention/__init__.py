"""The attention page: data to HTML, figures and numbers. No model, no torch."""
