"""Points that are images, as images, and the training images nearest to one."""
