/* What a schema says to people and their tools: the manual page, the JSON Schema and the completion
 * of keys. Reads no configuration. */
#ifndef CONFIG_REFERENCE_H
#define CONFIG_REFERENCE_H

#include "base/span.h"
#include "config/schema.h"

struct writer;

#define CONFIG_REFERENCE_MAX (1U << 20) /* octets that are enough for any of these */

/* gatehouse.yaml(5) in scdoc; program_version: in its head. */
void config_reference_scdoc(const struct config_sections *sections, const char *program_version,
			    struct writer *w);

/* A JSON Schema, draft 2020-12, of the whole file. */
void config_json_schema(const struct config_sections *sections, struct writer *w);

/* The keys whose dotted path (resolver.tcp.idle; items of lists and dictionaries have no part of
 * their own) begins with prefix, as far as the next dot, each as "PATH\tHELP\n". A path that has
 * keys below ends with a dot. */
void config_keys(const struct config_sections *sections, struct span prefix, struct writer *w);

#endif
