export * from './callback-data.ts'
export * from './disposition.ts'
export * from './facts.ts'
