/* What holds for every format: any text is read, or refused with a note, and what was read can be
 * written. Knows no format. */
#ifndef IMPORT_FORMAT_FUZZ_H
#define IMPORT_FORMAT_FUZZ_H

#include "import/site.h"
#include "import/yaml_out.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a reader returned, and its notes. */
static inline void format_fuzz_judge(enum err e, const struct import_site *s)
{
	uint32_t line = 0;

	ASSERT(e == OK || e == ERR_FORMAT || e == ERR_LIMIT || e == (enum err)ENOMEM);
	ASSERT(e != ERR_FORMAT || s->notes);
	for (const struct import_note *n = s->notes; n && e == OK; n = n->next) {
		ASSERT(n->line >= line);
		line = n->line;
	}
}

static inline void format_fuzz(enum err (*read)(struct span text, struct import_site *s),
			       struct span text)
{
	struct import_site s;
	size_t cap = 64 * text.len + (1 << 16);
	uint8_t *out = malloc(cap);

	ASSERT(out);
	import_site_init(&s);
	enum err e = read(text, &s);
	format_fuzz_judge(e, &s);
	if (e == OK) {
		struct writer w = writer_of(out, cap);
		import_yaml_write(&s, &w);
		format_fuzz_judge(e, &s);
		for (const struct import_note *n = s.notes; n; n = n->next)
			ASSERT(n->line);
	}
	import_site_done(&s);
	free(out);
}

#endif
