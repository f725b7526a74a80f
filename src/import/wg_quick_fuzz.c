#include "import/tunnel.h"

#include "base/writer.h"
#include "import/format_fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cap = 64 * size + (1 << 16), peers = 0;
	uint8_t *out = malloc(cap);
	struct import_tunnel t;
	struct import_site s;

	ASSERT(out);
	import_site_init(&s);
	enum err e = import_wg_quick(span_of(data, size), span_text("wg0"), &s, &t);
	format_fuzz_judge(e, &s);
	for (const struct import_peer *p = t.peers; p && e == OK; p = p->next)
		ASSERT(p->name.len && p->public_key.len && ++peers <= size);
	if (e == OK) {
		struct writer w = writer_of(out, cap);
		import_tunnel_write(&t, &w);
		ASSERT(!w.bad);
	}
	import_site_done(&s);
	free(out);
	return 0;
}
