/* config.h - glibc's configuration; the tests that are built ask nothing of it. */
