/** An object in the making: what is read-only once it is handed out, and filled in one by one before. */
export type Writable<Value> = { -readonly [Name in keyof Value]: Value[Name] }
