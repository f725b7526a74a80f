#include "store/postgres_library.h"

#include <dlfcn.h>
#include <stdio.h>

static const struct {
	const char *name;
	size_t at; /* the pointer's, in the struct */
} calls[] = {
#define POSTGRES_CALL(name) {#name, offsetof(struct postgres_library, name)},
	POSTGRES_CALLS(POSTGRES_CALL)
#undef POSTGRES_CALL
};

static enum err fail(enum err e, const char *name, char reason[STORE_REASON_MAX])
{
	const char *words = dlerror();
	(void)snprintf(reason, STORE_REASON_MAX,
		       "a PostgreSQL store needs %s, in Debian's package libpq5: %s", name,
		       words ? words : err_text(e));
	return e;
}

enum err postgres_library_open(const char *name, char reason[STORE_REASON_MAX],
			       struct postgres_library *ret)
{
	/* Never closed: those that it drags in leave things behind for the end of the process. */
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	struct postgres_library all;
	if (!library)
		return fail(ERR_ABSENT, name, reason);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		void *call = dlsym(library, calls[i].name);
		if (!call)
			return fail(ERR_UNSUPPORTED, name, reason);
		memcpy((char *)&all + calls[i].at, &call, sizeof(call));
	}
	*ret = all;
	return OK;
}
