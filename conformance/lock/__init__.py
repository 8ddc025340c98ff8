"""The lock (KIT-15): every process of a case runs where nothing but its sandbox can be written.

``client`` is the door for the rest of the suite, ``probe`` shows that the lock holds. ``kernel``,
``keeper`` and ``zygote`` run in a separate bare interpreter (``python -IS``) and use the standard
library only; this file imports nothing, so that the interpreter starts fast.
"""
