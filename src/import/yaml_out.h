/* An imported site as a section `dhcp` of our configuration. Knows no other program's syntax. */
#ifndef IMPORT_YAML_OUT_H
#define IMPORT_YAML_OUT_H

#include "base/writer.h"

struct import_site;

/* A whole file in YAML that `gatehouse check` accepts where the site was right; w is bad when it
 * does not fit. Options go by their names, values that their option does not take become notes of
 * the site. */
void import_yaml_write(struct import_site *s, struct writer *w);

#endif
