#include "import/formats.h"
#include "import/site.h"
#include "import/yaml_out.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any text is read, or refused with a note, and what was read can be written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct import_site s;
	size_t cap = 64 * size + (1 << 16);
	uint8_t *text = malloc(cap);

	ASSERT(text);
	import_site_init(&s);
	enum err e = import_dnsmasq(span_of(data, size), &s);
	ASSERT(e == OK || e == ERR_FORMAT || e == ERR_LIMIT || e == (enum err)ENOMEM);
	ASSERT(e != ERR_FORMAT || s.notes);
	uint32_t line = 0;
	for (const struct import_note *n = s.notes; n && e == OK; n = n->next) {
		ASSERT(n->line >= line);
		line = n->line;
	}
	if (e == OK) {
		struct writer w = writer_of(text, cap);
		import_yaml_write(&s, &w);
	}
	import_site_done(&s);
	free(text);
	return 0;
}
