/* sys/syscall.h - some tests include it and use nothing of it. */
