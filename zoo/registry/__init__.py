"""What there is to choose from: plugins, their offers, the catalog, expressions and the rules of what goes together."""
