/* Strings of JSON (RFC 8259) into a writer. Knows no object. */
#ifndef CONFIG_JSON_H
#define CONFIG_JSON_H

#include "base/span.h"

struct writer;

/* With its quotes; what is not UTF-8 becomes U+FFFD. */
void config_json_string(struct writer *w, struct span text);
/* null for NULL. */
void config_json_text(struct writer *w, const char *text);

#endif
