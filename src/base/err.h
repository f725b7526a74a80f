/* The one error type of the tree and the macros that carry it. Knows nothing of messages to people
 * beyond one fixed text for each error. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <errno.h>
#include <stdbool.h>

/* 0 is success, 1..1000 are errno values, the rest are ours. */
enum err {
	OK = 0,
	ERR_FORMAT = 1001, /* the bytes or the text are not what the protocol allows */
	ERR_LIMIT,	   /* a bound that the configuration or the code names was reached */
	ERR_REFUSED,	   /* understood, and not allowed */
	ERR_UNSUPPORTED,   /* understood, and not something that we do */
	ERR_CONFIG,	   /* the configuration is wrong; the diagnostics say where */
	ERR_CLOSED,	   /* the other side ended the conversation */
	ERR_EXISTS,	   /* there already */
	ERR_ABSENT,	   /* not there */
};

#define MUST __attribute__((warn_unused_result))

/* For the rare error that changes nothing; the place says why. */
static inline void err_ignore(enum err e)
{
	(void)e;
}

/* Returns the error of expr from the enclosing function, if there is one. */
#define TRY(expr)                                                                                  \
	do {                                                                                       \
		enum err try_err_ = (expr);                                                        \
		if (try_err_)                                                                      \
			return try_err_;                                                           \
	} while (0)

/* The error in errno after a call of libc failed; never OK. */
static inline enum err err_errno(void)
{
	return errno > 0 ? (enum err)errno : (enum err)EIO;
}

/* Descriptors or memory of ours ran out: it says nothing of the other side. */
static inline bool err_is_shortage(enum err e)
{
	switch ((int)e) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS: return true;
	default: return false;
	}
}

/* A fixed text, lower case, without a full stop. Never NULL. */
const char *err_text(enum err e);

/* What a caller inside this tree must guarantee. Stays in release builds; never on input. */
#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			assert_failed(#cond, __FILE__, __LINE__);                                  \
	} while (0)

_Noreturn void assert_failed(const char *cond, const char *file, int line);

/* AUTO(x_free) struct x *x = NULL;  runs x_free(x) when x leaves scope. A function that takes a
 * pointer to the storage (x_done) is used as AUTO_DONE(x_done) struct x x = {0}. */
#define AUTO(fn)      __attribute__((cleanup(fn##_auto)))
#define AUTO_DONE(fn) __attribute__((cleanup(fn)))
#define DEFINE_AUTO(type, fn)                                                                      \
	static inline void fn##_auto(type **p_)                                                    \
	{                                                                                          \
		fn(*p_);                                                                           \
	}

/* Hands the pointer over and leaves NULL, so that AUTO frees nothing. */
#define TAKE(p)                                                                                    \
	({                                                                                         \
		__typeof__(p) take_ = (p);                                                         \
		(p) = NULL;                                                                        \
		take_;                                                                             \
	})

#endif
