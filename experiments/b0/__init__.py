"""The reproduction of EfficientNet-B0 as a recipe: does the search end in a B0-class network?"""
