/* Scalars and lines of YAML as imports write them. Knows nothing of what they say. */
#ifndef IMPORT_YAML_SCALAR_H
#define IMPORT_YAML_SCALAR_H

#include "base/writer.h"

struct import_texts;

/* Two blanks for each. */
void import_yaml_indent(struct writer *w, unsigned depth);
/* In quotes where it could be taken for something else. */
void import_yaml_scalar(struct writer *w, struct span text);
/* `name: value`, and `name: [a, b]`; nothing when it is empty. */
void import_yaml_line(struct writer *w, unsigned depth, const char *name, struct span value);
void import_yaml_list(struct writer *w, unsigned depth, const char *name,
		      const struct import_texts *list);

#endif
