/* Architectures of network boot (option 93, RFC 4578, IANA's registry of processor architecture
 * types). Knows what nobody boots. */
#ifndef DHCP_ARCH_H
#define DHCP_ARCH_H

#include "base/err.h"
#include "base/span.h"

/* The nth word from 0; NULL: no more. */
const char *dhcp_arch_word(size_t n);

enum { DHCP_ARCH_NUMBERS_MAX = 4 };

/* A word ("uefi-x64") or a number: the types that it stands for. ERR_FORMAT. */
MUST enum err dhcp_arch_parse(struct span text, uint16_t ret[DHCP_ARCH_NUMBERS_MAX], size_t *ret_n);

#endif
