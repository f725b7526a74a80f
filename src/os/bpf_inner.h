/* What the files of os/bpf*.c share. Private to this folder; knows no program. */
#ifndef OS_BPF_INNER_H
#define OS_BPF_INNER_H

#include "os/bpf.h"

/* libbpf's result: negative is an errno. */
MUST enum err bpf_err(long result);
/* folder/name and suffix; ret has BPF_PATH_MAX bytes. */
MUST enum err bpf_path(const char *folder, const char *name, const char *suffix, char *ret);
/* Fills in what the kernel knows of the table behind fd. */
MUST enum err bpf_table_of(int fd, struct bpf_table *ret);

#endif
