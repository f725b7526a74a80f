#include "import/nginx.h"

#include "base/writer.h"
#include "import/format_fuzz.h"
#include "import/out_tree.h"

/* Behind the first NUL stands what is included, and what passwords are read from. */
struct rest {
	struct span text;
};

static enum err rest_read(void *arg, struct span pattern,
			  enum err (*call)(void *call_arg, struct span path, struct span text),
			  void *call_arg)
{
	const struct rest *r = arg;
	return r->text.len ? call(call_arg, pattern, r->text) : (enum err)ENOENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	size_t end = span_find(text, 0), cap = 4 << 20;
	struct rest rest = {span_sub(text, end + 1, text.len)};
	const struct nginx_files files = {&rest, rest_read};
	struct out_node *tree = NULL;
	struct import_site s;

	import_site_init(&s);
	enum err e = import_nginx(span_sub(text, 0, end), &files, &s, &tree);
	ASSERT(e == OK || e == ERR_FORMAT || e == ERR_LIMIT || e == (enum err)ENOMEM);
	ASSERT(e != ERR_FORMAT || s.notes);
	if (e == OK) {
		uint8_t *out = malloc(cap);
		ASSERT(out);
		struct writer w = writer_of(out, cap);
		out_write(tree, &w);
		ASSERT(w.bad || w.pos > 0);
		free(out);
	}
	import_site_done(&s);
	return 0;
}
