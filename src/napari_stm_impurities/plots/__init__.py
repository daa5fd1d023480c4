"""Plots on matplotlib axes, for reports and widgets alike.

``plot_x(axes, values)`` draws on the axes and ``x_table(values)`` returns the drawn data with units in the column
names; ``draw_x(values, path)`` writes a picture file.
"""
