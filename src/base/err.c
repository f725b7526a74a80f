#include "base/err.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *err_text(enum err e)
{
	switch (e) {
	case OK: return "success";
	case ERR_FORMAT: return "not in the expected form";
	case ERR_LIMIT: return "limit reached";
	case ERR_REFUSED: return "refused";
	case ERR_UNSUPPORTED: return "not supported";
	case ERR_CONFIG: return "wrong configuration";
	case ERR_CLOSED: return "closed by the other side";
	case ERR_EXISTS: return "exists already";
	case ERR_ABSENT: return "not there";
	}
	const char *text = (int)e > 0 && (int)e <= 1000 ? strerrordesc_np((int)e) : NULL;
	return text ? text : "unknown error";
}

_Noreturn void assert_failed(const char *cond, const char *file, int line)
{
	/* The only output below main.c: the process is about to end and the supervisor must see
	 * why. */
	(void)fprintf(stderr, "gatehouse: %s:%d: assertion failed: %s\n", file, line, cond);
	abort();
}
