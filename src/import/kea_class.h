/* Small languages inside Kea's configuration: tests of classes, hexadecimal data, names of options.
 * Knows no JSON. */
#ifndef IMPORT_KEA_CLASS_H
#define IMPORT_KEA_CLASS_H

#include "base/span.h"

struct import_class;
struct import_site;

/* A test such as substring(option[60].hex,0,9) == 'PXEClient', with `and` between several of
 * different kind, as far as ours can say the same. False: not wholly. */
bool kea_test_take(struct import_site *s, struct import_class *c, struct span test);

/* 'text' in single quotes is text, all else octets: text, or hex:0102. */
struct span kea_identity(struct import_site *s, struct span text);

/* The code of an option by Kea's name for it; 0: none. */
unsigned kea_option(struct span name);
unsigned kea_option6(struct span name);

#endif
