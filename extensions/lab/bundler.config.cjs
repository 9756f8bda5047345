// Numbers in order of use: those that follow from names differ with the folder of the checkout.
module.exports = { optimization: { moduleIds: 'natural', chunkIds: 'natural' } };
